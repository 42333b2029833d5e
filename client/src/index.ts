export {
  Aborted,
  AIJobError,
  AuthenticationError,
  JobCancelled,
  JobFailed,
  JobTimeout,
  RequestRefused,
  Unavailable,
} from "./errors.js";
export { Drawing } from "./canvas.js";
export { AIJobService } from "./service.js";
export type { CreateOptions, EnqueueOptions, Growing, ServiceOptions, WaitOptions } from "./options.js";
export type { Pace } from "./poll.js";
export type { Io } from "./socketio.js";
export type { SocketClass } from "./websocket.js";
export type { Accepted, Job, Schemas, Status, Steered } from "./types.js";
export type { CanvasObject, CanvasResult, GetToken, JobUpdate, Progress } from "./types.js";
