type ErrorType = 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error'

/** An answer in the shape of Stripe's errors, ready to be sent. */
export type ApiError = Readonly<{
  status: number
  headers: Readonly<Record<string, string>>
  body: Readonly<{
    error: Readonly<{ type: ErrorType; message: string } & Record<string, unknown>>
  }>
}>

/** Builds an error answer; `more` adds fields such as `code` and `param` to the error object. */
export function apiError(
  status: number,
  type: ErrorType,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): ApiError {
  return { status, headers, body: { error: { type, ...more, message } } }
}

/** A refusal of what the caller sent, naming the parameter. */
export function invalidParam(param: string, code: string, message: string): ApiError {
  return apiError(400, 'invalid_request_error', message, { code, param })
}
