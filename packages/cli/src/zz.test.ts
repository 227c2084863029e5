import { lineChart } from './report/charts/line-chart.ts';
import { writeFileSync } from 'node:fs';
const x = Array.from({length: 400}, (_, i) => 10*i), y = x.map((s,i) => (0.2+ Math.exp(-s/300))*(1+.3*Math.sin(i*i)));
writeFileSync('/tmp/c.svg', lineChart({ lines: [{name:'each step', x, y, style:'raw'},{name:'running mean', x, y: x.map((s) => (0.2+ Math.exp(-s/300)))}], xLabel:'training step', yLabel:'loss', log:{y:true}}));
