/** Every number of the console, with its unit. */
export const limits = {
  http: {
    requestMs: 5_000,
    keepAliveMs: 5_000,
    bodyBytesMax: 16 * 1024,
    connectionsMax: 100,
    /** Pages that watch at the same time. */
    watchersMax: 20,
  },
  observe: {
    everyMs: 1_000,
    /** The longest wait for a source. What has not answered by then is shown as unseen. */
    sourceMs: 900,
    /** Memory is read from the process table, which costs more than the rest. */
    memoryEveryMs: 5_000,
    /** A p99 needs more events than one second may have. */
    quantileWindowMs: 10_000,
    /** 15 minutes. */
    momentsMax: 900,
    /** Faults, and restarts and switches: as many of each are remembered. */
    eventsMax: 500,
  },
  /** The end of a log, as the page shows it. */
  log: {
    bytesMax: 16 * 1024,
    linesMax: 40,
    /** A search reads so much of the end of each log. At 1x it is about ten minutes. */
    searchedBytesMax: 4 * 1024 * 1024,
    foundMax: 2_000,
    /** Searches that wait for the one that runs. */
    searchesWaitingMax: 3,
  },
  promises: {
    everyMs: 5_000,
    /** A log that has grown by more is read on at the next look. */
    pagesMax: 20,
    pageLines: 1_000,
    pageMs: 2_000,
    /** Publications whose charges are counted. */
    rememberedMax: 50_000,
    /** An unknown outcome is decided in 90 s (L1), and a paid listing is live 30 s later (L2). */
    settledMs: 120_000,
    /** From the moment at which a mail is wanted. */
    mailWaitsMs: 60_000,
    /** How far back charges are followed into our own tables, and how many at one look. */
    followedMs: 900_000,
    followedMax: 1_000,
  },
  traces: { askMs: 2_000 },
  alerts: { askMs: 2_000 },
  /** What counts as around a moment of the timeline. */
  moment: { aroundMs: 3_000, linesMax: 100, tracesMax: 20 },
  load: {
    /** Employers per second on an ordinary night. */
    perSecond: 7,
    timesMax: 10,
    secondsMax: 900,
  },
  /** An experiment or the auditor. One short round of the longest experiment takes about three minutes. */
  tools: { deadlineMs: 900_000, linesMax: 50, outputMax: 16 * 1024 * 1024 },
  /** The two systems of the first screen. */
  lab: {
    countEveryMs: 500,
    eventsMax: 20,
    /** They end when nobody has used them for so long. */
    idleMs: 600_000,
    /** A client that gives up while payments starts again, on a slow machine, is charged only once. */
    attemptsMax: 160,
    /** The mails of as many publications are counted. */
    mailsMax: 1_000,
    askMs: 2_000,
  },
  faults: {
    /** A fault is healed by itself after this, unless another time is asked for. */
    expiryMs: 60_000,
    expiryMaxMs: 3_600_000,
    timersMax: 100,
  },
  /** A process that has waited so long for its own end is ended. */
  stopDeadlineMs: 5_000,
} as const
