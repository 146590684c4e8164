"""The Reporter component: the page about a run, as the last task of a pipeline on a cluster."""
