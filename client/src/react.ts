import { useCallback, useSyncExternalStore } from "react";
import type { AIJobService } from "./service.js";
import type { JobUpdate } from "./types.js";
import { UNKNOWN } from "./view.js";

/** How a job stands, from now until it has ended; null: there is no job to follow yet. */
export function useAIJobUpdates(service: AIJobService, jobId: string | null | undefined): JobUpdate {
  const subscribe = useCallback(
    (changed: () => void) => (jobId ? service.follow(jobId, changed) : () => undefined),
    [service, jobId],
  );
  const read = useCallback(() => (jobId ? service.updateOf(jobId) : UNKNOWN), [service, jobId]);
  return useSyncExternalStore(subscribe, read, () => UNKNOWN);
}
