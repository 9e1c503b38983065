/**
 * Shows the newest mails and asks for new ones every two seconds. Mails come from strangers, so
 * everything from a mail is set as text and never as markup.
 */

const mailsShown = 50
const pollEveryMs = 2_000
const pollTimeoutMs = 5_000

const list = document.getElementById('mails')
const state = document.getElementById('state')
const template = document.getElementById('mail')

/** Builds the article of a mail that is not on the page yet. */
function build(mail) {
  const article = template.content.cloneNode(true).querySelector('article')
  const set = (name, text) => {
    article.querySelector(`.${name}`).textContent = text
  }
  if (mail.subject) set('subject', mail.subject)
  set('from', mail.from)
  set('to', mail.to.join(', '))
  set('received', mail.receivedAt)
  set('text', mail.text)
  article.querySelector('.received').dateTime = mail.receivedAt
  article.querySelector('.subject').id = mail.id
  article.setAttribute('aria-labelledby', mail.id)
  article.dataset.id = mail.id
  return article
}

/** Adds the new mails at the top and updates how often the others were accepted. */
function show(mails) {
  const shown = new Map([...list.children].map(article => [article.dataset.id, article]))
  for (const mail of mails) {
    const article = shown.get(mail.id) ?? build(mail)
    if (!shown.has(mail.id)) list.prepend(article)
    const repeated = mail.accepted > 1 ? `accepted ${mail.accepted} times` : ''
    setText(article.querySelector('.repeated'), repeated)
  }
  while (list.children.length > mailsShown) list.lastElementChild.remove()
  setText(state, countOf(list.children.length))
}

function countOf(count) {
  if (count === 0) return 'No mail yet.'
  return count === 1 ? '1 mail shown.' : `${count} mails shown.`
}

/** A screen reader reads the status aloud at each change, so equal text is left alone. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

async function poll() {
  try {
    const signal = AbortSignal.timeout(pollTimeoutMs)
    const response = await fetch(`/mails?limit=${mailsShown}`, { signal })
    if (!response.ok) throw new Error(`the mailbox answered ${response.status}`)
    const { mails } = await response.json()
    show(mails)
  } catch {
    setText(state, 'The mailbox does not answer. This page tries again.')
  }
  setTimeout(poll, pollEveryMs)
}

void poll()
