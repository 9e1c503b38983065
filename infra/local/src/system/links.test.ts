import { expect, test } from 'vitest'
import { kafkaSettings } from '../parts/kafka-settings.ts'
import { portPlan } from '../ports/ports.ts'
import { addressOver, kafkaListeners, linkNames, listenPorts, planLinks, urlOver } from './links.ts'

const ports = portPlan(4000)
const options = {
  ports,
  postgresUrl: 'postgres://postgres:admin@127.0.0.1:4432/postgres',
  redisUrl: 'redis://127.0.0.1:4379/3',
  external: [],
}

test('clients reach the services at their usual ports, where proxies listen', () => {
  const links = planLinks(options)
  expect(links.map(({ name }) => name)).toEqual(linkNames)
  expect(links.slice(0, 3)).toEqual([
    { name: 'client-payments', listen: ':4001', upstream: '127.0.0.1:4201' },
    { name: 'client-listings', listen: ':4002', upstream: '127.0.0.1:4202' },
    { name: 'client-notifications', listen: ':4003', upstream: '127.0.0.1:4203' },
  ])
  expect(links).toContainEqual({
    name: 'payments-postgres',
    listen: ':4503',
    upstream: '127.0.0.1:4432',
  })
})

test('no proxy leads to another proxy, so that one fault affects one link', () => {
  const links = planLinks(options)
  const listens = listenPorts(links)
  expect(new Set(listens).size).toBe(links.length)
  for (const { upstream } of links) expect(listens).not.toContain(Number(upstream.split(':')[1]))
})

test('no link leads to an external part', () => {
  const links = planLinks({ ...options, external: ['kafka', 'redis'] })
  const left = linkNames.filter(name => !/-(kafka|redis)$/.test(name))
  expect(links.map(({ name }) => name)).toEqual(left)
  expect(addressOver(links, 'payments-kafka', 'a:9092,b:9092')).toBe('a:9092,b:9092')
  expect(urlOver(links, 'listings-redis', 'rediss://:pw@cache/3')).toBe('rediss://:pw@cache/3')
})

test('a URL over a link differs from the direct one in host and port only', () => {
  const links = planLinks(options)
  const url = 'postgres://payments:p%40ss@127.0.0.1:4432/payments?application_name=x'
  expect(urlOver(links, 'payments-postgres', url)).toBe(url.replace('4432', '4503'))
  expect(urlOver(links, 'listings-redis', options.redisUrl)).toBe('redis://127.0.0.1:4506/3')
  expect(addressOver(links, 'notifications-mail', '127.0.0.1:4025')).toBe('127.0.0.1:4510')
})

test('at each listener the broker advertises the proxy of one service', () => {
  const place = { listenHost: '127.0.0.1', port: 4092, controllerPort: 4093, logDir: '' }
  const settings = kafkaSettings({ ...place, listeners: kafkaListeners(ports) })
  const listeners = settings['listeners']?.split(',') ?? []
  const advertised = settings['advertised.listeners']?.split(',') ?? []
  expect(advertised[0]).toBe('PLAINTEXT://127.0.0.1:4092')
  for (const { name, listen, upstream } of planLinks(options)) {
    if (!name.endsWith('-kafka')) continue
    const listener = listeners.find(each => each.endsWith(`//${upstream}`))?.split('://')[0]
    expect(advertised).toContain(`${listener}://127.0.0.1${listen}`)
    expect(settings['listener.security.protocol.map']).toContain(`${listener}:PLAINTEXT`)
  }
})
