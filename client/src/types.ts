/** The shapes of what goes over the wire and of what callers see. */

import type { AIJobError } from "./errors.js";
import type { components } from "./types.generated.js";

export type Schemas = components["schemas"];
export type Job = Schemas["Job"];
export type Status = Schemas["State"];
export type Accepted = Schemas["Accepted"];
export type Steered = Schemas["Steered"];

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Paint {
  /** "#RRGGBB", as all colours. */
  readonly fill: string;
  readonly stroke: string;
  readonly strokeWidth: number;
}

interface Sized {
  readonly width: number;
  readonly height: number;
}

interface Round {
  readonly radius: number;
}

interface Written {
  readonly text: string;
  readonly fontSize: number;
  readonly fill: string;
  readonly color: string;
}

interface Way {
  /** From x, y: [0, 0, dx, dy]. */
  readonly points: readonly [number, number, number, number];
}

interface Kind<Type extends string, Properties> {
  readonly id: string;
  readonly canvas_id: string;
  readonly object_type: Type;
  readonly properties: Readonly<Place & Properties>;
  readonly z_index: number;
  readonly created_by: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A shape of a canvas of 1000 x 1000. x, y: of rectangles and texts the top left corner, of lines the start, else the centre. */
export type CanvasObject =
  | Kind<"rectangle" | "diamond" | "star" | "heart", Sized & Paint>
  | Kind<"circle", Round & Paint>
  | Kind<"text", Written>
  | Kind<"arrow" | "line", Way & Paint>;

/** What a job of type create_canvas returns. */
export interface CanvasResult {
  readonly success: boolean;
  readonly canvas_id: string;
  readonly title: string;
  readonly objects: readonly CanvasObject[];
  readonly message: string;
  readonly request_id: string;
  readonly provider: string;
  readonly model: string;
}

/** How a job stands; `progress` is 0 to 100, `objects` what has been drawn so far. */
export interface Progress {
  readonly job_id: string;
  readonly status: Status;
  readonly message: string;
  readonly progress: number;
  readonly objects: readonly CanvasObject[];
}

/** The same for who follows it: `status` is null until it is known; `result` or `error` when it has ended. */
export interface JobUpdate extends Omit<Progress, "job_id" | "status"> {
  readonly status: Status | null;
  readonly result: CanvasResult | null;
  readonly error: AIJobError | null;
}

/** Returns the user's token; with `renew` a new one, since the server has refused the last. */
export type GetToken = (renew: boolean) => string | Promise<string>;
