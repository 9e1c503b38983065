import { type Static, Type } from 'typebox'
import { limits } from '../limits.ts'

const Amount = Type.Integer({ minimum: 0, maximum: limits.waitMaxMs, default: 0 })
const Size = Type.Integer({ minimum: 1, maximum: limits.waitMaxMs })

/** The attributes of each type of toxic. Times are in ms unless a comment says otherwise. */
export const toxicAttributes = {
  latency: Type.Object({ latency: Amount, jitter: Amount }),
  /** KB/s, where a KB is 1000 bytes; 0 lets nothing through. */
  bandwidth: Type.Object({ rate: Amount }),
  slow_close: Type.Object({ delay: Amount }),
  /** 0 holds the connection for ever. */
  timeout: Type.Object({ timeout: Amount }),
  reset_peer: Type.Object({ timeout: Amount }),
  /** Sizes are in bytes, the delay is in microseconds. */
  slicer: Type.Object({ average_size: Size, size_variation: Amount, delay: Amount }),
  limit_data: Type.Object({ bytes: Amount }),
}

export type ToxicType = keyof typeof toxicAttributes
export type Attributes<Type extends ToxicType> = Readonly<Static<(typeof toxicAttributes)[Type]>>
export const toxicTypes = Object.keys(toxicAttributes) as readonly ToxicType[]

export function attributeNames(type: ToxicType): string[] {
  return Object.keys(toxicAttributes[type].properties)
}

/** `upstream` is from client to server, `downstream` from server to client. */
export const streams = ['upstream', 'downstream'] as const
export type Stream = (typeof streams)[number]

/** One toxic as Toxiproxy writes it in JSON. */
export type Toxic = {
  [Type in ToxicType]: Readonly<{
    name: string
    type: Type
    stream: Stream
    /** The share of connections that it takes, 0 to 1. */
    toxicity: number
    attributes: Attributes<Type>
  }>
}[ToxicType]

/** The request for a toxic; fields that are not given have defaults. */
export type ToxicRequest = {
  [Type in ToxicType]: Readonly<{
    type: Type
    name?: string
    stream?: Stream
    toxicity?: number
    attributes?: Partial<Attributes<Type>>
  }>
}[ToxicType]

/** One proxy as Toxiproxy writes it in JSON. */
export type ProxyView = Readonly<{
  name: string
  listen: string
  upstream: string
  enabled: boolean
  toxics: readonly Toxic[]
}>
