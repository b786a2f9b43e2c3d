// A consumer of sisock in a browser: lists nodes and fields, fetches samples, follows who comes and goes.
// The interface is docs/contract.md; this file knows nothing that is not in there.
"use strict";

const BASE = "org.simonsobservatory";
const DAYS = 3650;

const byId = (id) => document.getElementById(id);

function show(list, texts, onClick) {
  byId(list).replaceChildren(
    ...texts.map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      if (onClick) item.onclick = () => onClick(text);
      return item;
    }),
  );
}

function say(text) {
  byId("state").textContent = text;
}

async function listNodes(session) {
  const nodes = await session.call(`${BASE}.consumer.get_data_node`);
  show("nodes", nodes.map((node) => node.name).sort(), (name) => listFields(session, name));
}

async function listFields(session, node) {
  const [fields] = await session.call(`${BASE}.consumer.${node}.get_fields`, [-DAYS * 86400, 0]);
  show("fields", Object.keys(fields).sort(), (field) => fetchSamples(session, node, field, fields[field]));
}

async function fetchSamples(session, node, name, field) {
  // max_points is an addition: a node that does not know it ignores it.
  const reply = await session.call(
    `${BASE}.consumer.${node}.get_data`, [[name], -DAYS * 86400, 0], { max_points: 10 },
  );
  if (reply === false) {
    byId("samples").textContent = "more data than the node is willing to send";
    return;
  }
  const timeline = reply.timeline[field.timeline];
  const times = timeline ? timeline.t : [];
  byId("samples").textContent = times
    .map((t, i) => `${new Date(t * 1000).toISOString()}  ${reply.data[name][i]} ${field.units ?? ""}`)
    .join("\n");
}

async function follow(session) {
  const note = (what) => ([node]) => {
    const item = document.createElement("li");
    item.textContent = `${node.name} ${what}`;
    byId("events").prepend(item);
    listNodes(session);
  };
  await session.subscribe(`${BASE}.consumer.data_node_added`, note("came"));
  await session.subscribe(`${BASE}.consumer.data_node_subtracted`, note("went"));
}

byId("login").onsubmit = (event) => {
  event.preventDefault();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const connection = new autobahn.Connection({
    url: `${scheme}://${location.host}/ws`,
    realm: "test_realm",
    authmethods: ["wampcra"],
    authid: byId("user").value,
    onchallenge: (_session, _method, extra) =>
      autobahn.auth_cra.sign(byId("secret").value, extra.challenge),
  });
  connection.onopen = async (session) => {
    say("connected");
    await follow(session);
    await listNodes(session);
  };
  connection.onclose = (reason, details) => {
    say(`not connected: ${details.message || details.reason || reason}`);
    return reason === "closed" || details.reason === "wamp.error.not_authorized"; // true: do not try again
  };
  connection.open();
};
