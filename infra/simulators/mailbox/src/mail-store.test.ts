import { expect, test } from 'vitest'
import { limits } from './limits.ts'
import { createMailStore } from './mail-store.ts'

test('mails that are large in their headers leave the memory before they need more bytes than the bound', () => {
  const store = createMailStore()
  const header = 'ü'.repeat(limits.headerCharsMax)
  const to = Array.from({ length: limits.recipientsMax }, (_, index) => `${index}`.padEnd(250, 'a'))
  const headerBytes = 2 * (2 * header.length + 2 * (header.length + to.join().length))
  const fitting = Math.floor(limits.mailsBytesMax / headerBytes)
  const mails = fitting + 10
  for (let seq = 1; seq <= mails; seq += 1) {
    const messageId = `${seq}`.padEnd(limits.headerCharsMax, 'ü')
    const facts = { messageId, from: header, to, subject: header, text: '' }
    store.apply({ at: '2026-12-01T00:00:00Z', seq, type: 'mail.accepted', ...facts })
  }
  expect(store.find('mail_10')).toBeUndefined()
  expect(store.find('mail_11')).toBeDefined()
  expect(store.find(`mail_${mails}`)).toBeDefined()
})
