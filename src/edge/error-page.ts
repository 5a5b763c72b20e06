import { Buffer } from 'node:buffer';

/** What an error page says. */
export interface ErrorPage {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly rayId: string;
  readonly hostname: string;
}

/** A rendered page. */
export interface RenderedPage {
  readonly contentType: string;
  readonly body: Buffer;
}

/** Renders the page: JSON (RFC 9457) for a client whose `Accept` asks for JSON before HTML, HTML for others. */
export function renderErrorPage(page: ErrorPage, accept: string): RenderedPage {
  return wantsJson(accept)
    ? { contentType: 'application/problem+json', body: Buffer.from(json(page)) }
    : { contentType: 'text/html; charset=utf-8', body: Buffer.from(html(page)) };
}

function wantsJson(accept: string): boolean {
  const lower = accept.toLowerCase();
  const jsonAt = lower.search(/application\/(?:[a-z.]+\+)?json/);
  if (jsonAt < 0) return false;
  const htmlAt = lower.indexOf('text/html');
  return htmlAt < 0 || jsonAt < htmlAt;
}

function json(page: ErrorPage): string {
  const { status, title, detail, rayId, hostname } = page;
  return `${JSON.stringify({ type: 'about:blank', title, status, detail, ray_id: rayId, hostname, success: false, errors: [{ code: status, message: title }] })}\n`;
}

function html(page: ErrorPage): string {
  const title = `${page.status} ${escapeHtml(page.title)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.hostname)} | ${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:12vh auto;padding:0 1rem;color:#222;background:#fff}h1{font-size:1.6rem;margin:0 0 .5rem}code{font-size:.95em}footer{margin-top:2rem;color:#666}</style>
</head>
<body>
<h1>${title}</h1>
<p>${escapeHtml(page.detail)}</p>
<footer>Ray ID: <code>${escapeHtml(page.rayId)}</code> &middot; ${escapeHtml(page.hostname)}</footer>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

const REASONS: Record<number, string> = {
  200: 'OK',
  301: 'Moved Permanently',
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

/** The reason phrase of a status that the edge itself sends. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? 'Unknown';
}
