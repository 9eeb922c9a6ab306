/** Keeps the frame alive when a page breaks, and says what broke. */

import { Component, type ReactNode } from "react";
import { Failure } from "@/parts/States";

export class ErrorBoundary extends Component<
  { readonly children: ReactNode },
  { readonly error: Error | null }
> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Failure title="This page broke" error={error} retry={() => this.setState({ error: null })} />
    );
  }
}
