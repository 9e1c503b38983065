/** Every bound of the fault proxy, with its unit. */
export const limits = {
  /** Clients of one proxy at one time; further ones are closed at once. */
  connectionsMax: 4_000,
  /** An upstream that answers neither yes nor no is given up on. */
  upstreamConnectMs: 10_000,
  /** After a toxic closed a connection, a peer that takes nothing for this long is cut off. */
  drainIdleMs: 10_000,

  /** One direction of one connection may hold this much before its sender is stopped. */
  linkRoomBytes: 64 * 1024,
  /** A latency toxic adds this much: it has to hold the bytes that are on their way. */
  latencyRoomBytes: 1024 * 1024,
  /** Each held piece costs about this much besides its bytes, so that many tiny ones count. */
  pieceOverheadBytes: 256,
  /** Pieces sent in one go before other connections get their turn. */
  piecesPerTurnMax: 128,
  /** A bandwidth toxic sends pieces of at most this much time. */
  bandwidthPieceMs: 100,

  proxiesMax: 200,
  toxicsPerProxyMax: 100,
  nameCharsMax: 100,
  /** The longest time that Node's timers can wait, about 24 days. */
  waitMaxMs: 2 ** 31 - 1,

  /** The report of a fault that another process injects: a name and a few details. */
  reportBytesMax: 4_096,
  controlBodyBytesMax: 256 * 1024,
  controlConnectionsMax: 200,
  controlRequestReadMs: 10_000,
  controlKeepAliveMs: 65_000,
} as const
