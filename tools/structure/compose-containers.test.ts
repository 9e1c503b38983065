import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { images } from '@nightshift/local/parts/images'
import { describe, expect, test } from 'vitest'
import { readComposeFile } from './compose-file.ts'

/** What every container of every Compose file has, ours and those of others. */

const files = ['docker-compose.yml', 'docker-compose.replicas.yml']
const all = files.flatMap(file =>
  Object.entries(readComposeFile(file)).map(([name, container]) => ({ file, name, container })),
)
/** The second file changes some containers of the first, and adds others to them. */
const own = all.filter(({ container }) => container.image !== undefined)
const image = 'nightshift:local'
const repository = join(import.meta.dirname, '../..')
/** The most memory that a service took under load. */
const measuredMib = 245
/** V8 returns memory late, and a busier machine makes more of it. */
const reserve = 1.5

/** Capabilities that an image can't begin without. All others begin as an ordinary user. */
const capabilities: Readonly<Record<string, readonly string[]>> = {
  // Its entrypoint begins as root, gives the volume to its own user, and becomes that user.
  postgres: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'],
}
/** What an image writes besides its volumes. The file systems of all others are read-only. */
const writesInside: Readonly<Record<string, string>> = {
  kafka: 'its entrypoint makes the configuration of the broker in the folder of the program',
  grafana: 'it has a database and plugins of its own, and no volume',
  jaeger: 'no source says that it works without',
}

test('one container builds the image of all, and the others wait for it', () => {
  const builders = all.filter(({ container }) => container.build !== undefined)
  expect(builders.map(({ name }) => name)).toEqual(['prepare'])
  for (const { name, container } of own.filter(each => each.container.image === image)) {
    // It stands in no registry. `prepare` gets it by building, whatever it is told.
    expect(container.pull_policy).toBe(name === 'prepare' ? 'missing' : 'never')
  }
})

test('a container without an image of its own changes one of the first file', () => {
  const named = new Set(own.map(({ name }) => name))
  const changed = all.filter(({ container }) => container.image === undefined)
  for (const { name, container } of changed)
    expect(named).toContain(container.extends?.service ?? name)
})

describe.each(own)('$name', ({ name, container }) => {
  test('runs an image of one version and one content', () => {
    // PostgreSQL has two numbers since version 10.
    expect(container.image).toMatch(
      /^(nightshift:local|[a-z/]+:v?\d+(\.\d+){1,2}(-alpine)?@sha256:[0-9a-f]{64})$/,
    )
  })

  test('has no capability that it does not need, and gets no more', () => {
    expect(container.cap_drop).toEqual(['ALL'])
    expect(container.cap_add ?? []).toEqual(capabilities[name] ?? [])
    expect(container.security_opt).toEqual(['no-new-privileges:true'])
  })

  test('writes only where it has to', () => {
    expect(container.read_only ?? false).toBe(!(name in writesInside))
  })

  test('has a limit on its memory', () => {
    expect(container.mem_limit).toMatch(/^\d+m$/)
  })

  test('has a limit on its log', () => {
    const options = { 'max-size': '8m', 'max-file': '5' }
    expect(container.logging).toEqual({ driver: 'json-file', options })
  })
})

test('Prometheus keeps its metrics for as long as natively, and no more of them', () => {
  const { command } = readComposeFile('docker-compose.yml').prometheus ?? {}
  const native = readFileSync(join(repository, 'infra/local/src/system/prometheus.ts'), 'utf8')
  const limits = native.match(/--storage\.tsdb\.retention\.[^']+/g)
  expect(limits).toHaveLength(2)
  expect(command).toEqual(expect.arrayContaining(limits ?? []))
})

test('the parts have the images with which `npm start` begins when it has nothing but Docker', () => {
  for (const [name, image] of Object.entries(images)) {
    const container = readComposeFile('docker-compose.yml')[name]
    if (name !== 'k6') expect(container?.image).toBe(image)
  }
})

test.each(['payments', 'listings', 'notifications'])(
  '%s has more memory than a service took under load',
  name => {
    const limitMib = Number.parseInt(
      readComposeFile('docker-compose.yml')[name]?.mem_limit ?? '',
      10,
    )
    expect(limitMib).toBeGreaterThanOrEqual(measuredMib * reserve)
  },
)
