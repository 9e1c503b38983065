/** A refusal that the control API answers in Toxiproxy's shape: `{error, status}`. */
export type ApiError = Error & Readonly<{ statusCode: number }>

/** The error handler turns it into an answer with this status. */
export function apiError(statusCode: number, message: string): ApiError {
  return Object.assign(new Error(message), { statusCode })
}

export function badBody(detail: string): ApiError {
  return apiError(400, `bad request body: ${detail}`)
}
