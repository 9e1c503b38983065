import { expect, test } from 'vitest'
import { images } from './images.ts'
import { k6Version } from './k6.ts'
import { kafkaVersion } from './kafka.ts'

test.each(Object.entries(images))('%s is named by its version and its digest', (_part, image) => {
  expect(image).toMatch(/^[a-z/\d]+:\d+\.\d+(\.\d+)?(-alpine)?@sha256:[0-9a-f]{64}$/)
})

test('Kafka and k6 have the same version in a container as without one', () => {
  expect(images.kafka).toContain(`:${kafkaVersion}@`)
  expect(images.k6).toContain(`:${k6Version}@`)
})
