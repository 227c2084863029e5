import { testReadme } from '@tweedie/conformance';
import plugin from './index.ts';

testReadme(plugin, new URL('../README.md', import.meta.url));
