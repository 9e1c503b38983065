import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeThrowAwayDir } from '../testing/throw-away.ts'
import { loadSecrets, makeSecrets } from './secrets.ts'

let dir: string
beforeEach(async () => {
  dir = await makeThrowAwayDir()
})
afterEach(() => rm(dir, { recursive: true }))

test('secrets are made once, and only their owner can read them', async () => {
  const file = join(dir, 'new', 'secrets.json')
  const first = await loadSecrets(file)
  expect(await loadSecrets(file)).toEqual(first)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('no two secrets are the same, in one system or in two', () => {
  const values = [makeSecrets(), makeSecrets()].flatMap(
    ({ postgresAdmin, rolePasswords, cardProviderSecretKey, apiKeys, paymentsServiceKey }) => [
      postgresAdmin,
      cardProviderSecretKey,
      paymentsServiceKey,
      ...Object.values(rolePasswords),
      ...Object.values(apiKeys),
    ],
  )
  expect(new Set(values).size).toBe(values.length)
})

test('keys have the form that the services split', () => {
  const { apiKeys, paymentsServiceKey } = makeSecrets()
  for (const key of [...Object.values(apiKeys), paymentsServiceKey]) {
    expect(key).toMatch(/^ns_test_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$/)
  }
})

test('a broken or incomplete file is told, not overwritten', async () => {
  const file = join(dir, 'secrets.json')
  await writeFile(file, '{ "postgresAdmin": "x" }')
  await expect(loadSecrets(file)).rejects.toThrow('lacks rolePasswords')
  await writeFile(file, 'half a fi')
  await expect(loadSecrets(file)).rejects.toThrow('is not JSON')
})
