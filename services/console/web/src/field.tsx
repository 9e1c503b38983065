import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

type Option = Readonly<{ value: string; title?: string }>

/** A choice with its label. */
export function Select({
  label,
  value,
  options,
  onChoose,
  disabled = false,
}: {
  label: string
  value: string
  options: readonly (Option & { group?: string })[]
  onChoose: (value: string) => void
  disabled?: boolean
}) {
  const id = useId()
  const groups = [...Map.groupBy(options, ({ group = '' }) => group)]
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={event => onChoose(event.currentTarget.value)}
      >
        {groups.map(([group, members]) =>
          group === '' ? (
            optionsOf(members)
          ) : (
            <optgroup key={group} label={group}>
              {optionsOf(members)}
            </optgroup>
          ),
        )}
      </select>
    </div>
  )
}

function optionsOf(options: readonly Option[]): ComponentChildren {
  return options.map(({ value, title = value }) => (
    <option key={value} value={value}>
      {title}
    </option>
  ))
}

/** A text with its label. */
export function TextField({
  label,
  value,
  placeholder,
  onText,
}: {
  label: string
  value: string
  placeholder: string
  onText: (text: string) => void
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        value={value}
        placeholder={placeholder}
        onInput={event => onText(event.currentTarget.value)}
      />
    </div>
  )
}
