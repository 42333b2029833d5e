// Socket.IO clients that a test steers: one JSON command a line on stdin, one JSON line on stdout for all that happens.
//   {"op": "open", "id", "url", "options"}   {"op": "emit", "id", "times"}   {"op": "close", "id"}
//   {"op": "freeze", "id"} stops reading of the socket's WebSocket; {"op": "thaw", "id"} goes on
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();
const tell = (id, what, data) => console.log(JSON.stringify({ id, what, data }));
const line = (socket) => socket.io.engine.transport.ws._socket; // Node's own, below the WebSocket

function open({ id, url, options }) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
  sockets.set(id, socket);
  for (const event of ["ai_job_update", "ai_job_complete", "ai_job_error"]) {
    socket.on(event, (data) => tell(id, event, data));
  }
  socket.onAny((event) => event.startsWith("ai_job_") || tell(id, "unknown", event));
  socket.io.on("open", () => socket.io.engine.once("upgrade", ({ name }) => tell(id, "upgrade", name)));
  socket.on("connect", () => tell(id, "connect", socket.io.engine.transport.name));
  socket.on("connect_error", (error) => tell(id, "connect_error", { message: error.message, data: error.data }));
  socket.on("disconnect", (reason) => tell(id, "disconnect", reason));
}

const commands = {
  open,
  emit: ({ id, times }) => { for (let n = 0; n < times; n += 1) sockets.get(id).emit("chat", n); },
  freeze: ({ id }) => line(sockets.get(id)).pause(),
  thaw: ({ id }) => line(sockets.get(id)).resume(),
  close: ({ id }) => { sockets.get(id).close(); sockets.delete(id); },
};

createInterface({ input: process.stdin }).on("line", (text) => {
  const command = JSON.parse(text);
  commands[command.op](command);
}).on("close", () => process.exit());
