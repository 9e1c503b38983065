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
/** The first two cells of each row of a table of the page. */
const rows = page.split('\n').flatMap(line => {
  const [, what, kept] = line.split('|')
  return line.startsWith('| ') && what && kept ? [{ what, kept }] : []
})
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

  const ages: Readonly<Record<string, number>> = keptDays[service as keyof typeof keptDays]
  const configured = Object.entries(limits.oldRows).filter(([name]) => name.endsWith('Days'))

  test.each(Object.entries(ages))(
    'the page says how long the rows of %s are kept',
    (table, days) => {
      const keptOf = rowsOf(service, table).map(({ kept }) => kept)
      expect(keptOf).not.toEqual([])
      for (const kept of keptOf) {
        expect(kept).toMatch(ageOnPage(days))
        // A row may say that some of its rows go earlier, if there is a limit that says so.
        const allowed = Number.isFinite(days) ? [days] : configured.map(([, limit]) => limit)
        expect(allowed).toEqual(expect.arrayContaining(daysIn(kept)))
      }
    },
  )

  test('a soak knows an age for each table', () => {
    expect(Object.keys(keptDays[service as keyof typeof keptDays]).sort()).toEqual(tables.sort())
  })

  test.each(configured)('the page has the number of %s', (_name, days) => {
    const keptOf = rows.filter(({ what }) => ownersOf(what).includes(service))
    expect(keptOf.flatMap(({ kept }) => daysIn(kept))).toContain(days)
  })

  test('the page names each job that deletes', () => {
    const source = readFileSync(
      join(root, 'services', service, 'src/store/old-rows-jobs.ts'),
      'utf8',
    )
    const names = [...source.matchAll(/name: '([\w-]+)'/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) expect(page).toContain(`\`${name}\``)
  })
})

test.each(topics)('the page says how long $name is kept, and how much of it', topic => {
  const { name, retentionMs, retentionBytes } = topic
  const [kept] = rows.filter(({ what }) => what.includes(`\`${name}\``)).map(row => row.kept)
  expect(daysIn(kept ?? '')).toEqual([retentionMs / dayMs])
  const mebibytes = retentionBytes / 1_024 ** 2
  const size = mebibytes < 1_024 ? `${mebibytes} MiB` : `${mebibytes / 1_024} GiB`
  expect(kept).toContain(` ${size}`)
})

/** The rows about a table of a service. A row may be about several of both. */
function rowsOf(service: string, table: string) {
  return rows.filter(
    ({ what }) => ownersOf(what).includes(service) && what.includes(`\`${table}\``),
  )
}

/** A row begins with the services that have its tables, as in `payments, listings: api_keys`. */
function ownersOf(what: string): string[] {
  const [owners = '', tables] = what.split(':')
  return tables === undefined ? [] : owners.split(',').map(owner => owner.trim())
}

function ageOnPage(days: number): RegExp {
  if (!Number.isFinite(days)) return /for ever|one row|with consent/
  return days === 1 ? /(?<!\d)24 hours/ : new RegExp(`(?<!\\d)${days} days`)
}

function daysIn(kept: string): number[] {
  return [...kept.matchAll(/(\d+) days/g)].map(([, days]) => Number(days))
}
