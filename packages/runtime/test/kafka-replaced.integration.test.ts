import { randomUUID } from 'node:crypto'
import { expectSoon, openKafkaLab, paymentCaptured } from '@nightshift/load-tests/harness/kafka-lab'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { deleteTopics, prepareTopics } from '@nightshift/local/prepare/prepare-topics'
import { expect, inject, test } from 'vitest'

test('a consumer that KafkaJS has given up is replaced within its process', async () => {
  await using lab = await openKafkaLab(inject('parts').kafkaBrokers)
  // For KafkaJS a topic that is not there is the end.
  await deleteTopics(lab.brokers, lab.prefix)
  const handled: string[] = []
  lab.consume(async event => {
    handled.push(event.eventId)
    return 'applied'
  })
  const givenUp = () =>
    lab.lines.filter(line => line.event === 'kafka.consumer_restarted' && line['restart'] === false)
  await expectSoon(
    'it was given up twice',
    () => givenUp().length >= 2,
    () => lab.lines,
  )
  await eventually('the topic is there', () => prepareTopics(lab.brokers, lab.prefix))
  const event = paymentCaptured(randomUUID())
  await eventually('the event is written', () => lab.writeEvents(0, event).then(() => true))
  await expectSoon(
    'it is handled',
    () => handled.length > 0,
    () => lab.lines.slice(-5),
  )
  expect(handled).toContain(event.eventId)
})
