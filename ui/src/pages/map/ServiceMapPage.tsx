export default function ServiceMapPage() {
  return <h1>ServiceMapPage</h1>;
}
