/** The embedded log keeps the contract of an event log. */
import { logFolder, logSettings, openLog } from '../harness/embedded-log.ts';
import { describeEventLog } from '../harness/event-log/contract.ts';

describeEventLog('embedded', async () => openLog(logSettings(await logFolder())));
