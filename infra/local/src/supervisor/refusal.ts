/** The supervisor will not do what it was asked, and says why; the caller can ask differently. */
export class Refusal extends Error {
  readonly statusCode: 401 | 404 | 409

  constructor(statusCode: Refusal['statusCode'], message: string) {
    super(message)
    this.statusCode = statusCode
  }
}
