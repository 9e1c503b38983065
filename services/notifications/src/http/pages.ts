const texts = {
  confirm: {
    title: 'Confirm your job alerts',
    text: 'Nightshift sends alerts to this address only after you confirm it.',
    button: { label: 'Confirm this address', field: 'confirm', value: 'yes' },
  },
  confirmed: {
    title: 'Confirmed',
    text: 'Your alerts are active now. Every mail has a link that ends them.',
  },
  unsubscribe: {
    title: 'End all job alerts',
    text: 'This ends all alerts of the address that the mail was sent to.',
    button: { label: 'End all alerts', field: 'List-Unsubscribe', value: 'One-Click' },
  },
  unsubscribed: {
    title: 'Your alerts have ended',
    text: 'No further alert is sent to this address. A mail that is being sent now may still arrive.',
  },
} as const satisfies Record<string, PageText>

export type Page = keyof typeof texts

type PageText = {
  title: string
  text: string
  button?: { label: string; field: string; value: string }
}

/**
 * The HTML of a page. It has only fixed text, and nothing from the request. The form has no action,
 * so the browser sends it to the URL of the page itself.
 */
export function pageOf(name: Page): string {
  const { title, text, button }: PageText = texts[name]
  const form = button
    ? `<form method="post"><button name="${button.field}" value="${button.value}">${button.label}</button></form>\n`
    : ''
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body>
<main>
<h1>${title}</h1>
<p>${text}</p>
${form}</main>
</body>
</html>
`
}
