import { DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { DashboardPlan, Panel } from './panel.ts'

/** The uid of the data source that is provisioned beside the dashboards. */
const dataSource = { type: 'prometheus', uid: 'prometheus' }
/** Grafana's grid has 24 columns: three panels stand side by side. */
const panelSpan = 8
const panelHeight = 8

/** The content of a dashboard of Grafana. */
export function dashboardFile({ name, title, rows }: DashboardPlan): string {
  const builder = new DashboardBuilder(title)
    .uid(`nightshift-${name}`)
    .tags(['nightshift'])
    .refresh('5s')
    .time({ from: 'now-15m', to: 'now' })
    .timezone('browser')
    .readonly()
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title))
    for (const panel of row.panels) builder.withPanel(panelOf(panel))
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`
}

function panelOf({ title, unit, queries }: Panel): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .unit(unit)
    .min(0)
    .span(panelSpan)
    .height(panelHeight)
    .datasource(dataSource)
  for (const [legend, expr] of Object.entries(queries)) {
    panel.withTarget(new DataqueryBuilder().datasource(dataSource).expr(expr).legendFormat(legend))
  }
  return panel
}
