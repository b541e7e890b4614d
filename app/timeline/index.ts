export { type AppEvent, type AppEventNames, createAppEventNames, defineAppEvent } from './app-event.ts';
export { appEventProblems } from './app-event-check.ts';
export { timelineRoutes } from './controller.ts';
export { TIMELINE_QUEUES, timelineJobs } from './jobs.ts';
export {
  createTimeline,
  type NewTimelineEvent,
  type SentTimelineEvent,
  type TimelineService,
} from './service.ts';
