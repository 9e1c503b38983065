import { connect } from 'node:net'

export type ClusterMetadata = {
  brokers: readonly { nodeId: number; host: string; port: number }[]
  /** The node in charge; -1 while there is none. */
  controllerId: number
}

const metadataApiKey = 3
/** The oldest version that names the controller; Kafka 4 still speaks it. */
const metadataVersion = 1
const correlationId = 1
const answerMaxBytes = 64 * 1024

/**
 * Asks one broker who is in the cluster, by a single request of Kafka's protocol. kafkajs can ask
 * the same, but takes two connections and five requests for it, and on Node 24 each process that
 * uses it prints a TimeoutNegativeWarning: too much for a question asked every two seconds.
 */
export async function askMetadata(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<ClusterMetadata> {
  const socket = connect({ host, port, signal })
  let answer = Buffer.alloc(0)
  try {
    socket.write(metadataRequest('probe'))
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk])
      if (answer.length > answerMaxBytes) throw new Error('the answer is no metadata')
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) {
        return readMetadata(answer)
      }
    }
    throw new Error('the broker closed the connection')
  } finally {
    socket.destroy()
  }
}

function metadataRequest(clientId: string): Buffer {
  const name = Buffer.from(clientId)
  const request = Buffer.alloc(18 + name.length)
  let at = request.writeInt32BE(request.length - 4, 0)
  at = request.writeInt16BE(metadataApiKey, at)
  at = request.writeInt16BE(metadataVersion, at)
  at = request.writeInt32BE(correlationId, at)
  at = request.writeInt16BE(name.length, at)
  at += name.copy(request, at)
  request.writeInt32BE(0, at) // about no topic
  return request
}

function readMetadata(answer: Buffer): ClusterMetadata {
  let at = 8 // past the size and the correlation id
  const int32 = () => {
    at += 4
    return answer.readInt32BE(at - 4)
  }
  const text = () => {
    const length = answer.readInt16BE(at) // -1 stands for "no text"
    at += 2 + Math.max(length, 0)
    return answer.toString('utf8', at - Math.max(length, 0), at)
  }
  const brokers = Array.from({ length: int32() }, () => {
    const broker = { nodeId: int32(), host: text(), port: int32() }
    text() // its rack
    return broker
  })
  return { brokers, controllerId: int32() }
}
