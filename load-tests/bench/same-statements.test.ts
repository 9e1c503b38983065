import { expect, test } from 'vitest'
import { pgbenchScript } from './same-statements.ts'

test('the pgbench script has a value for every parameter of the statements', () => {
  expect(pgbenchScript).not.toMatch(/\$\d|undefined/)
})

test('the pgbench script has two statements, and the second settles the payment of the first', () => {
  const [claim, settle, ...others] = pgbenchScript.split('\n')
  expect(claim).toMatch(/INSERT INTO idempotency_keys .* \\gset$/)
  expect(settle).toMatch(/:payment_id\b.*;$/)
  expect(others).toEqual([])
})
