import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Writes a file so that a reader sees the old content or the new, never half of it. Other processes
 * read these files, their writer may be killed at any byte, and the power may fail.
 */
export async function writeWhole(file: string, content: string, mode = 0o600): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  try {
    {
      await using handle = await open(draft, 'wx', mode)
      await handle.writeFile(content)
      // Without this, a file system may keep the new name and lose the content.
      await handle.sync()
    }
    await rename(draft, file)
    await sync(dirname(file))
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** Brings everything below a directory to the disk, before a rename says that it is complete. */
export async function syncTree(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  for (const entry of entries.filter(entry => entry.isFile() || entry.isDirectory())) {
    await sync(join(entry.parentPath, entry.name))
  }
  await sync(directory)
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, constants.O_RDONLY)
  await handle.sync()
}
