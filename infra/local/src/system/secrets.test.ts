import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apiKeyIdOf } from '@nightshift/runtime/http/api-keys'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeThrowAwayDir } from '../throw-away.ts'
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
    ({ rolePasswords, apiKeys, apiKeyPeppers, ...single }) =>
      [single, rolePasswords, apiKeys, apiKeyPeppers].flatMap(one => Object.values(one)),
  )
  expect(new Set(values).size).toBe(values.length)
})

test('keys have the form that the services accept, and peppers have 32 bytes', () => {
  const { apiKeys, apiKeyPeppers, paymentsServiceKey } = makeSecrets()
  for (const key of [...Object.values(apiKeys), paymentsServiceKey]) {
    expect(apiKeyIdOf(key)).toMatch(/^[0-9a-f]{8}$/)
  }
  for (const pepper of Object.values(apiKeyPeppers)) expect(pepper).toHaveLength(43)
})

test('a damaged or incomplete file is refused and not overwritten', async () => {
  const file = join(dir, 'secrets.json')
  await writeFile(file, '{ "postgresAdmin": "x" }')
  await expect(loadSecrets(file)).rejects.toThrow('lacks rolePasswords')
  await writeFile(file, 'half a fi')
  await expect(loadSecrets(file)).rejects.toThrow('is not JSON')
})

test('a file from before Redis had a password gets one, and keeps all others', async () => {
  const file = join(dir, 'secrets.json')
  const { redis, ...earlier } = makeSecrets()
  await writeFile(file, JSON.stringify(earlier))
  const loaded = await loadSecrets(file)
  expect(loaded).toEqual({ ...earlier, redis: expect.stringMatching(/^.{43}$/) })
  expect(loaded.redis).not.toBe(redis)
  expect(await loadSecrets(file)).toEqual(loaded)
})
