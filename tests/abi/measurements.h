#pragma once

/* Prints what commits, file writing, queries and plans cost. Minutes; checks nothing but that all calls succeed. */
void measure(void);
