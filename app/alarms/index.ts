export { type CallAlarms, clearOldCallAlarms, createCallAlarms } from './call-alarms.ts';
export { type AlarmSource, type Alarms, createAlarms } from './service.ts';
export { type Alarm, alarmsStore } from './store.ts';
