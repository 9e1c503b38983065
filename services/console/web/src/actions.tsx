import { signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { ask } from './store.ts'

/** What the console said about the last action. */
export const said = signal('')

type Answer = Readonly<{ did?: string; shows?: string; healed?: readonly string[] }>

type ActionPath =
  | '/faults'
  | '/heal'
  | '/patterns'
  | '/load'
  | '/load/stop'
  | '/lab'
  | '/compare'
  | '/compare/stop'
  | '/audit'

/** Breaks or heals something, and keeps what the console says about it. */
export async function act(path: ActionPath, body: object): Promise<void> {
  said.value = 'Working …'
  try {
    const { did, shows, healed } = await ask<Answer>(path, body)
    const lines = healed ?? [did, shows].filter(line => line !== undefined)
    said.value = lines.length === 0 ? 'There was nothing to heal.' : lines.join(' ')
  } catch (error) {
    said.value = (error as Error).message
  }
}

/** A button that cannot be pressed again while its work goes on. */
export function ActionButton({
  run,
  children,
  kind = 'button',
}: {
  run: () => Promise<void>
  children: ComponentChildren
  kind?: 'button' | 'submit'
}) {
  const isRunning = useSignal(false)
  const press = async () => {
    isRunning.value = true
    await run()
    isRunning.value = false
  }
  return (
    <button
      type={kind}
      aria-disabled={isRunning.value}
      onClick={isRunning.value ? undefined : press}
    >
      {children}
    </button>
  )
}
