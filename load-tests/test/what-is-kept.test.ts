import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventsKeptDays, segmentMs, topics } from '@nightshift/contracts/topics'
import { limits as listings } from '@nightshift/listings/limits'
import { limits as notifications } from '@nightshift/notifications/limits'
import { limits as payments } from '@nightshift/payments/limits'
import { describe, expect, test } from 'vitest'
import { keptDays } from '../soak/growth.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/what-is-kept.md'), 'utf8')
const rows = page.split('\n').filter(line => line.startsWith('| '))
const services = { payments, listings, notifications }
const dayMs = 86_400_000

describe.each(Object.entries(services))('%s', (service, limits) => {
  test('remembers events for longer than a topic can have them', () => {
    const longestDays = eventsKeptDays + segmentMs / dayMs
    expect(limits.oldRows.eventsKeptDays).toBeGreaterThan(longestDays)
  })

  const directory = join(root, 'services', service, 'migrations')
  const migrations = readdirSync(directory).map(file => readFileSync(join(directory, file), 'utf8'))
  const tables = migrations.flatMap(sql =>
    [...sql.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, t]) => t),
  )

  test.each(tables)('the page says how long the rows of %s are kept', table => {
    const line = rows.find(row => {
      const [, of = ''] = row.split('|')
      return of.includes(service) && of.includes(`\`${table}\``)
    })
    expect(line).toBeDefined()
  })

  test('a soak knows an age for each table', () => {
    expect(Object.keys(keptDays[service as keyof typeof keptDays]).sort()).toEqual(tables.sort())
  })

  test.each(Object.entries(limits.oldRows).filter(([name]) => name.endsWith('Days')))(
    'the page has the number of %s',
    (_name, days) => {
      const ofService = rows.filter(row => row.split('|')[1]?.includes(service))
      expect(ofService.some(row => row.includes(`${days} days`))).toBe(true)
    },
  )

  test('the page names each job that deletes', () => {
    const source = readFileSync(
      join(root, 'services', service, 'src/store/delete-old-rows.ts'),
      'utf8',
    )
    const names = [...source.matchAll(/name: '([\w-]+)'/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) expect(page).toContain(`\`${name}\``)
  })
})

test.each(topics)('the page says how long $name is kept', ({ name, retentionMs }) => {
  const line = rows.find(row => row.includes(`\`${name}\``))
  expect(line).toContain(`${retentionMs / dayMs} days`)
})
