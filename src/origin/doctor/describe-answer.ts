import type { ProbeAnswer } from '../../core/mod.ts';

/** What came back, as the end of a sentence that begins with "The origin". */
export function describeAnswer(answer: ProbeAnswer): string {
  switch (answer.kind) {
    case 'response':
      return answer.location === null
        ? `answered ${answer.status}`
        : `answered ${answer.status} to ${shown(answer.location)}`;
    case 'alert_in_handshake':
      return `sent the TLS alert ${answer.alert} in the handshake`;
    case 'alert_after_handshake':
      return `sent the TLS alert ${answer.alert} after the handshake`;
    case 'closed_in_handshake':
      return 'closed the connection in the handshake';
    case 'closed_before_response':
      return 'closed the connection without an answer';
    case 'connection_reset':
      return 'reset the connection';
    case 'connection_refused':
      return 'takes no connections there';
    case 'unreachable':
      return 'cannot be reached there';
    case 'timeout':
      return { connect: 'took no connection', handshake: 'did not finish the handshake', response: 'did not answer' }[
        answer.stage
      ].concat(' in time');
    case 'malformed_response':
      return 'sent something that is neither TLS nor HTTP as asked for';
    case 'not_offered':
      return 'does not offer it';
  }
}

/** Text of the origin's, cut and without what a terminal would obey. */
function shown(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, 100);
}
