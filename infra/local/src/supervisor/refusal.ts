/** The supervisor will not do what it was asked, and says why; the caller can ask differently. */
export class Refusal extends Error {
  readonly status: 400 | 404 | 409

  constructor(status: Refusal['status'], message: string) {
    super(message)
    this.status = status
  }
}
