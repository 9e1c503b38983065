import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { openMailLedger } from './mail-ledger.ts'

let seq = 0
function mail(messageId: string | null, recipient: string, listingId?: string) {
  seq += 1
  const about = listingId === undefined ? {} : { listingId }
  return { t: seq, seq, type: 'mail.accepted', messageId, recipients: [recipient], ...about }
}

test('copies of one mail, and mails to others or about others, are right', () => {
  const ledger = openMailLedger(10)
  ledger.add([
    mail('<a>', 'ada', 'l1'),
    mail('<a>', 'ada', 'l1'),
    mail('<b>', 'ada', 'l2'),
    mail('<c>', 'bob', 'l1'),
    mail('<d>', 'ada'),
    mail('<e>', 'ada'),
  ])
  expect(ledger.doubles()).toEqual([])
  expect(ledger.count()).toBe(6)
})

test('different mails about one listing to one recipient are found, also without a Message-ID', () => {
  const ledger = openMailLedger(10)
  ledger.add([mail('<a>', 'ada', 'l1'), mail(null, 'bob', 'l1')])
  ledger.add([mail('<b>', 'ada', 'l1'), mail(null, 'bob', 'l1')])
  expect(ledger.doubles()).toMatchObject([
    { listingId: 'l1', mails: ['<a>', '<b>'] },
    { listingId: 'l1' },
  ])
})

test('the mail of a delivery is found by its Message-ID', () => {
  const ledger = openMailLedger(10)
  const [sent, other] = [randomUUID(), randomUUID()]
  ledger.add([mail(`<alert.${sent}@nightshift.invalid>`, 'ada', 'l1')])
  expect([ledger.hasDelivery(sent), ledger.hasDelivery(other)]).toEqual([true, false])
})

test('the oldest mails are forgotten, and what was found stays', () => {
  const ledger = openMailLedger(2)
  ledger.add([mail('<a>', 'ada', 'l1'), mail('<b>', 'ada', 'l1'), mail('<c>', 'ada', 'l2')])
  ledger.add([mail('<d>', 'ada', 'l3')])
  expect(['<a>', '<c>', '<d>'].map(ledger.hasDelivery)).toEqual([false, true, true])
  expect(ledger.doubles()).toHaveLength(1)
})
