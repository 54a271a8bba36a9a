"""What follows from the chart and from what Helm makes of it; plain data in, findings out."""
