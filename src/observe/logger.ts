import { pino } from 'pino';

/** The program's own log (not the access log). Messages say what happened; fields say to what. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that writes JSON lines to stderr, or to `fd`. Keys that could hold secrets are blanked. */
export function createLogger(fields: Record<string, string | number>, fd = 2): Logger {
  return pino(
    {
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['privateKey', 'private_key', 'token', 'key', '*.privateKey', '*.private_key', '*.token'],
        censor: '[redacted]',
      },
    },
    pino.destination({ fd, sync: true }),
  );
}
