import { createHash } from 'node:crypto'
import { limits } from './limits.ts'
import { mailPageScript } from './mail-page-script.ts'
import { mailPageStyle } from './mail-page-style.ts'
import type { Mail } from './mail-store.ts'

/**
 * Mails come from strangers, so the page may run its own script and style, known by their hashes,
 * and nothing else: no other script, image, frame, form or connection.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src '${hashOf(mailPageScript)}'`,
  `style-src '${hashOf(mailPageStyle)}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The whole page with the given mails, newest first. Every value from a mail is escaped. */
export function renderMailPage(newestFirst: readonly Mail[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mailbox</title>
<style>${mailPageStyle}</style>
</head>
<body>
<header>
<h1>Mailbox</h1>
<p>Every mail the system sends ends here; nothing is delivered. The newest ${limits.pageMails} are
shown, all of them are at <a href="/mails?after=0">/mails</a>.</p>
<p id="state" role="status">${countOf(newestFirst.length)}</p>
<noscript><p>Reload the page to see new mails.</p></noscript>
</header>
<main id="mails">${newestFirst.map(renderMail).join('')}</main>
<script>${mailPageScript}</script>
</body>
</html>
`
}

/** `mail-page-script.ts` builds the same elements for mails that arrive later. */
function renderMail(mail: Mail): string {
  const received = escapeHtml(mail.receivedAt)
  const repeated = mail.accepted > 1 ? `accepted ${mail.accepted} times` : ''
  return `
<article data-id="${escapeHtml(mail.id)}" aria-labelledby="${escapeHtml(mail.id)}">
<h2 id="${escapeHtml(mail.id)}">${escapeHtml(mail.subject || '(no subject)')}</h2>
<dl>
<dt>From</dt><dd>${escapeHtml(mail.from)}</dd>
<dt>To</dt><dd>${escapeHtml(mail.to.join(', '))}</dd>
<dt>Received</dt><dd><time datetime="${received}">${received}</time></dd>
</dl>
<p class="repeated">${repeated}</p>
<pre tabindex="0">${escapeHtml(mail.text)}</pre>
</article>`
}

function countOf(shown: number): string {
  if (shown === 0) return 'No mail yet.'
  return shown === 1 ? '1 mail shown.' : `${shown} mails shown.`
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => escapes[character] ?? '')
}

function hashOf(source: string): string {
  return `sha256-${createHash('sha256').update(source).digest('base64')}`
}
