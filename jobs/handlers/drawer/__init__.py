"""The built-in drawer: it reads instructions and lays a drawing out by itself, without any model.

local.draw -> reading (what is wanted) -> flowchart, mindmap, timeline, orgchart, kanban, wireframe (where it goes)
"""
