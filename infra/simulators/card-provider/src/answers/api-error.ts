type ErrorType = 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error'

/** The answer has the form of Stripe's errors. */
export type ApiError = Readonly<{
  status: number
  headers: Readonly<Record<string, string>>
  body: Readonly<{
    error: Readonly<{ type: ErrorType; message: string } & Record<string, unknown>>
  }>
}>

/** Builds an error answer. `more` adds fields such as `code` and `param` to the error object. */
export function apiError(
  status: number,
  type: ErrorType,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): ApiError {
  return { status, headers, body: { error: { type, ...more, message } } }
}

/** Builds the 400 for an invalid parameter, which it names. */
export function invalidParam(param: string, code: string, message: string): ApiError {
  return apiError(400, 'invalid_request_error', message, { code, param })
}
