// One WebSocket for the whole page: what happens to the user's jobs, to whoever listens.

import { BASE } from "./api.js";

const FIRST_MS = 1000;
const LONGEST_MS = 30000;
const EXPIRED = 1008;
const listeners = new Set();
const watchers = new Set();
let socket = null;
let wait = FIRST_MS;
let timer = null;

/** `heard` gets {job_id, status, version, ...} of each event; returns how to stop. */
export function listen(heard) {
  listeners.add(heard);
  return () => listeners.delete(heard);
}

/** `told` gets whether events come, now and whenever it changes. */
export function watch(told) {
  watchers.add(told);
  told(isLive());
}

export function isLive() {
  return socket !== null && socket.readyState === WebSocket.OPEN;
}

export function connect() {
  if (socket !== null) return;
  const ours = socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${BASE}/ws`);
  ours.onopen = () => { wait = FIRST_MS; tell(); };
  ours.onmessage = ({ data }) => {
    const { event, data: job } = JSON.parse(data);
    for (const heard of listeners) heard(job, event);
  };
  ours.onclose = ({ code }) => {
    if (socket !== ours) return;
    socket = null;
    tell();
    if (code !== EXPIRED) again();
  };
}

export function disconnect() {
  clearTimeout(timer);
  const ours = socket;
  socket = null;
  ours?.close();
  tell();
}

function again() {
  timer = setTimeout(connect, wait);
  wait = Math.min(wait * 2, LONGEST_MS);
}

function tell() {
  for (const told of watchers) told(isLive());
}
