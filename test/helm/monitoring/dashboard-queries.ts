/** The queries of the dashboard, with its variables filled in as Grafana does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toKebabCase } from '../../../helm/traits.ts';
import { chartComponents } from '../../harness/chart-traits.ts';

export interface DashboardQuery {
  readonly panel: string;
  readonly expression: string;
}

interface Panel {
  readonly id: number;
  /** Columns and rows of the grid, which is 24 wide. */
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

/** As the chart makes it where every component is installed. */
export function readDashboard(): Dashboard {
  const path = join(import.meta.dirname, '../../../helm/mcp2/files/dashboard.json');
  const components = [...chartComponents().keys()].map(toKebabCase).sort().join('|');
  return JSON.parse(readFileSync(path, 'utf8').replaceAll('@components', components)) as Dashboard;
}

/** Also what a variable lists its values by. */
export function dashboardQueries({ panels, templating }: Dashboard): readonly DashboardQuery[] {
  const shown = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: title, expression: fill(expr) })),
  );
  const listed = templating.list.flatMap(({ name, query }) => {
    const text = typeof query === 'string' ? query : (query as { query: string }).query;
    const expression = /^label_values\((.*), \w+\)$/.exec(text)?.[1];
    return expression === undefined ? [] : [{ panel: `variable ${name}`, expression: fill(expression) }];
  });
  return [...shown, ...listed];
}

function fill(expression: string): string {
  return expression.replaceAll('$namespace', 'mcp2-system').replaceAll('$__rate_interval', '5m');
}
