/** The metrics and labels that a PromQL expression uses, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql'

export interface Asked {
  readonly metrics: readonly {
    readonly name: string
    readonly labels: readonly { readonly name: string; readonly op: string; readonly value: string }[]
  }[]
  /** Labels by which results are grouped or matched. */
  readonly grouping: readonly string[]
}

/** @throws when the expression is not PromQL */
export function readPromql(expression: string): Asked {
  const metrics: { name: string; labels: { name: string; op: string; value: string }[] }[] = []
  const grouping: string[] = []
  parser.parse(expression).iterate({
    enter({ type, from, to, node }) {
      const text = expression.slice(from, to)
      if (type.isError) throw new Error(`not PromQL at position ${from}: ${expression}`)
      if (type.name === 'VectorSelector') {
        const name = node.getChild('Identifier')
        metrics.push({ name: name === null ? '' : expression.slice(name.from, name.to), labels: [] })
      }
      if (type.name === 'UnquotedLabelMatcher') {
        const [, label = '', op = '', value = ''] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(text) ?? []
        metrics.at(-1)!.labels.push({ name: label, op, value })
      }
      if (type.name === 'LabelName' && node.parent?.name === 'GroupingLabels') grouping.push(text)
    },
  })
  return { metrics, grouping }
}
