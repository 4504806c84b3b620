import { startBus } from '../../harness/event-bus.ts';
import { describeEventBus } from './contract.ts';

describeEventBus({ log: 'embedded', canMoveTime: true, start: startBus });
