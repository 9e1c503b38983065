/** What each type of toxic can be told, and what it is told when nobody says. Times in ms. */
export const attributesAtRest = {
  latency: { latency: 0, jitter: 0 },
  /** KB/s, where a KB is 1000 bytes; 0 lets nothing through. */
  bandwidth: { rate: 0 },
  slow_close: { delay: 0 },
  /** 0 holds the connection for ever. */
  timeout: { timeout: 0 },
  reset_peer: { timeout: 0 },
  /** Sizes in bytes, the delay in microseconds. */
  slicer: { average_size: 0, size_variation: 0, delay: 0 },
  limit_data: { bytes: 0 },
} as const

export type ToxicType = keyof typeof attributesAtRest
export type Attributes<Type extends ToxicType> = Readonly<
  Record<keyof (typeof attributesAtRest)[Type], number>
>
/** `upstream` is from client to server, `downstream` from server to client. */
export type Stream = 'upstream' | 'downstream'

/** One toxic as Toxiproxy writes it in JSON. */
export type ToxicOf<Type extends ToxicType> = Readonly<{
  name: string
  type: Type
  stream: Stream
  /** The share of connections that it takes, 0 to 1. */
  toxicity: number
  attributes: Attributes<Type>
}>

export type Toxic = { [Type in ToxicType]: ToxicOf<Type> }[ToxicType]

/** What a caller has to say to get a toxic; the rest has defaults. */
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
