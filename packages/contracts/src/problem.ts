import { type Static, Type } from 'typebox'
import { Id } from './primitives.ts'

/** RFC 9457. `detail` never echoes what the caller sent. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'A stable path under /problems/, meant for programs.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    instance: Type.String({ description: 'The id of this request, as in the logs.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON pointer to the refused value.' }),
          message: Type.String(),
        }),
      ),
    ),
    paymentId: Type.Optional(Id),
  },
  { $id: 'Problem' },
)
export type Problem = Static<typeof Problem>

/** A refusal among the responses of a route. Its media type is not plain JSON. */
export const problemResponse = {
  description: 'The request was refused. The body says why.',
  content: { 'application/problem+json': { schema: Problem } },
} as const

/** The refusals that every route may answer with. */
export const problemResponses = { '4xx': problemResponse, 503: problemResponse } as const
