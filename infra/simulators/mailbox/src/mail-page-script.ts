import { limits } from './limits.ts'

const pollEveryMs = 2_000
const pollTimeoutMs = 5_000

/**
 * Runs in the browser: asks for the newest mails, adds those that are new at the top and updates
 * how often the others were accepted. Text is set as text, never as markup.
 */
export const mailPageScript = `
'use strict'
const list = document.getElementById('mails')
const state = document.getElementById('state')

function element(name, text, attributes) {
  const made = document.createElement(name)
  made.textContent = text
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value)
  return made
}

function build(mail) {
  const article = element('article', '', { 'data-id': mail.id, 'aria-labelledby': mail.id })
  const facts = element('dl', '')
  const received = element('dd', '')
  received.append(element('time', mail.receivedAt, { datetime: mail.receivedAt }))
  facts.append(
    element('dt', 'From'), element('dd', mail.from),
    element('dt', 'To'), element('dd', mail.to.join(', ')),
    element('dt', 'Received'), received,
  )
  article.append(
    element('h2', mail.subject || '(no subject)', { id: mail.id }),
    facts,
    element('p', '', { class: 'repeated' }),
    element('pre', mail.text, { tabindex: '0' }),
  )
  return article
}

function show(mails) {
  const known = new Map([...list.children].map(article => [article.dataset.id, article]))
  for (const mail of mails) {
    let article = known.get(mail.id)
    if (!article) {
      article = build(mail)
      list.prepend(article)
    }
    const repeated = mail.accepted > 1 ? 'accepted ' + mail.accepted + ' times' : ''
    const note = article.querySelector('.repeated')
    if (note.textContent !== repeated) note.textContent = repeated
  }
  while (list.children.length > ${limits.pageMails}) list.lastElementChild.remove()
  const count = list.children.length
  say(count === 0 ? 'No mail yet.' : count === 1 ? '1 mail shown.' : count + ' mails shown.')
}

function say(text) {
  if (state.textContent !== text) state.textContent = text
}

async function poll() {
  try {
    const signal = AbortSignal.timeout(${pollTimeoutMs})
    const response = await fetch('/mails?limit=${limits.pageMails}', { signal })
    if (!response.ok) throw new Error('status ' + response.status)
    show((await response.json()).mails)
  } catch {
    say('The mailbox does not answer; trying again.')
  }
  setTimeout(poll, ${pollEveryMs})
}
setTimeout(poll, ${pollEveryMs})
`
