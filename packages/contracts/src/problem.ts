import { type Static, Type } from 'typebox'
import { Id } from './primitives.ts'

/** RFC 9457. `detail` never echoes what the caller sent. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'A path under /problems/, stable, meant for programs.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    instance: Type.String({ description: 'The id of this request, as in the logs.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON pointer into the part that was refused.' }),
          message: Type.String(),
        }),
      ),
    ),
    paymentId: Type.Optional(Id),
  },
  { $id: 'Problem' },
)
export type Problem = Static<typeof Problem>

/** A refusal in the responses of a route. It is no plain JSON, and says so. */
export const problemResponse = {
  description: 'Refused, and why.',
  content: { 'application/problem+json': { schema: Problem } },
} as const

/** What every route may answer besides what it promises. */
export const problemResponses = { '4xx': problemResponse, 503: problemResponse } as const
